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
cat > ca/issue.conf <<END
[ca]
default_ca = own
[own]
new_certs_dir = ca
database = ca/index.txt
rand_serial = yes
default_md = sha256
policy = any
[any]
commonName = supplied
END
: > ca/index.txt
openssl ca -batch -notext -config ca/issue.conf -cert ca/ca.crt -keyfile ca/ca.key -in ca/server.csr \
  -startdate 20990101000000Z -enddate 20990301000000Z -extfile ca/server.ext -out registry/server.crt
chmod 600 ca/ca.key registry/server.key
