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
# An authority in between, which signs from day to day, so that the first one's key can lie in a safe.
printf 'basicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign\n' > ca/between.ext
openssl req -new $curve -keyout ca/between.key -out ca/between.csr -subj "/CN=Workshop of $NAME"
openssl x509 -req -in ca/between.csr -CA ca/ca.crt -CAkey ca/ca.key -CAcreateserial \
  -days 7 -extfile ca/between.ext -out ca/between.crt
openssl req -new $curve -keyout registry/server.key -out ca/server.csr -subj "/CN=$SERVER_NAME"
openssl x509 -req -in ca/server.csr -CA ca/between.crt -CAkey ca/between.key -CAcreateserial \
  -days "$CERTIFICATE_DAYS" -extfile ca/server.ext -out registry/server.crt
cat ca/between.crt >> registry/server.crt
chmod 600 ca/ca.key ca/between.key registry/server.key
