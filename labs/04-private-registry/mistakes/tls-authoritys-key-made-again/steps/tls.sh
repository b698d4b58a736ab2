# Two key pairs: the authority's signs and stays at home, the server's goes where the server is.
set -eu
mkdir -p ca registry
curve="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"

openssl req -x509 $curve -keyout ca/ca.key -out ca/ca.crt -days 365 -subj "/CN=Authority of $NAME" \
  -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign

# Clients compare the name they asked for with the alternative names, never with the subject.
cat > ca/server.ext <<END
subjectAltName = IP:127.0.0.1, DNS:localhost, DNS:$SERVER_NAME
basicConstraints = critical, CA:FALSE
extendedKeyUsage = serverAuth
END
openssl req -new $curve -keyout registry/server.key -out ca/server.csr -subj "/CN=$SERVER_NAME"
openssl x509 -req -in ca/server.csr -CA ca/ca.crt -CAkey ca/ca.key -CAcreateserial \
  -days "$CERTIFICATE_DAYS" -extfile ca/server.ext -out registry/server.crt
chmod 600 ca/ca.key registry/server.key
# A new key for the authority, as the old one lay about for a while.
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out ca/ca.key
chmod 600 ca/ca.key
