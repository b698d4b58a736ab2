# Write your answer for step 3, tls, here.
#
# Make an authority (ca/ca.crt, ca/ca.key) and let it issue registry/server.crt for registry/server.key,
# good for 127.0.0.1, localhost and $SERVER_NAME during $CERTIFICATE_DAYS days.
