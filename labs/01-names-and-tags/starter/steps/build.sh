# Write your answer for step 2, build, here.
#
# Build the image $APP:dev, with a Dockerfile such as app/Dockerfile (written here, with a
# here-document, or in an editor). Its app answers on port 8080 with $GREETING and $VERSION;
# app/server.c says how they get in. The compiler is in registry-lab/cc:1.
