# Write your answer for step 2, config, here.
#
# Write registry/config.yml: storage in /var/lib/registry with deletion enabled, the header
# X-Registry-Owner with $TEAM, the debug server on $DEBUG_PORT with metrics, and the maintenance file.
