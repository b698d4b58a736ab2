# Write your answer for step 7, isolate, here.
#
# Write edge/compose.yaml and edge/nginx.conf: a registry on an internal network, and nginx in front of it
# with TLS on 127.0.0.1:$EDGE_PORT. Push $APP:$VERSION through nginx.
