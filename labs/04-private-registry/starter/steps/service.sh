# Write your answer for step 1, service, here.
#
# Run registry-lab/registry:2 as the container $SERVICE: restarted by the engine, data on the volume
# $SERVICE_VOLUME, reachable on 127.0.0.1:$SERVICE_PORT only. Push $APP:$VERSION to it, remove the
# container, and start it again.
