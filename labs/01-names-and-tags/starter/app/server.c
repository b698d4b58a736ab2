/*
 * The web app of this lab: it answers every request with one line of text,
 *
 *     <GREETING> <VERSION>
 *
 * on port 8080. Both words are fixed when it is compiled, so an image says by
 * itself which build it is:
 *
 *     cc -static -DGREETING='"hello"' -DVERSION='"1.0.0"' -o server server.c
 */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef GREETING
#define GREETING "(no greeting)"
#endif
#ifndef VERSION
#define VERSION "(no version)"
#endif

#define PORT 8080
#define BODY GREETING " " VERSION "\n"

/* The first process of a container is not ended by SIGTERM unless it says so itself. */
static void stop(int signal_number)
{
    (void)signal_number;
    _exit(0);
}

static void answer(int client)
{
    static const char head[] = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ";
    char request[4096], reply[sizeof head + sizeof BODY + 32];
    int length;

    /* Whatever was asked, the answer is the same; only a request must have come. */
    if (read(client, request, sizeof request) <= 0)
        return;
    length = snprintf(reply, sizeof reply, "%s%d\r\n\r\n%s", head, (int)sizeof BODY - 1, BODY);
    if (write(client, reply, length) != length)
        perror("write");
}

int main(void)
{
    struct sockaddr_in address = {0};
    int yes = 1, server = socket(AF_INET, SOCK_STREAM, 0);

    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    signal(SIGPIPE, SIG_IGN); /* a client that hangs up must not end the server */

    address.sin_family = AF_INET;
    address.sin_port = htons(PORT);
    address.sin_addr.s_addr = htonl(INADDR_ANY);
    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(server, (struct sockaddr *)&address, sizeof address) != 0 || listen(server, 16) != 0) {
        perror("cannot listen");
        return 1;
    }
    printf("%s %s listens on port %d\n", GREETING, VERSION, PORT);
    fflush(stdout);
    for (;;) {
        int client = accept(server, NULL, NULL);
        if (client < 0)
            continue;
        answer(client);
        close(client);
    }
}
