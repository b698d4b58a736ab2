# Write your answer for step 7, automate, here.
#
# Write .github/workflows/docker-publish.yml: on branch main and on tags that begin with v, build the folder
# app and push $HUB_USERNAME/$APP, logged in with secrets, tagged by the branch or tag.
