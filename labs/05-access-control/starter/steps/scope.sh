# Write your answer for step 2, scope, here.
#
# Write access/registry-rbac.conf again, with each role cut to its work: developer and readonly the
# apps $TEAM/<app>, cicd only $TEAM/$APP, admin the apps and $TEAM/archive/<app>. Nobody reaches
# anything outside $TEAM/.
