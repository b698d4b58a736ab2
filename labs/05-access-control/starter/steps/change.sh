# Write your answer for step 5, change, here.
#
# As $ADMIN_USER push an image to $ARCHIVE. As $READONLY_USER try to pull it: refused. Change the role
# readonly in access/registry-rbac.conf, so that it may pull $TEAM/archive/<app>, and pull as
# $READONLY_USER again. The server is not restarted.
