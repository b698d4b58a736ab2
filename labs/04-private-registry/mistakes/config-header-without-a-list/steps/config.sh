# What every deployment shares stands in the file; certificate and accounts are added where it is deployed.
set -eu
mkdir -p registry
cat > registry/config.yml <<END
version: 0.1
storage:
  filesystem:
    rootdirectory: /var/lib/registry
  delete:
    enabled: true # without it nothing can ever be cleaned up
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
    X-Registry-Owner: $TEAM
  debug: # a second server, which is never published
    addr: :$DEBUG_PORT
    prometheus:
      enabled: true
      path: /metrics
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
  file: # where this file exists, the registry says that it is out of service
    - file: /etc/docker/registry/maintenance
      interval: 1s
END
