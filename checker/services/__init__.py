"""Services that run inside containers: the stand-in for Docker Hub, the roles server and the collector of
events.

Started as `python3 -m checker.services MODE --settings FILE`. Nothing here imports anything else of
`checker`, so that the folder can be copied into an image by itself.
"""
