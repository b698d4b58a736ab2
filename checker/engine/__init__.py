"""The container engine: found or started, talked to, and its base images with their two origins."""
