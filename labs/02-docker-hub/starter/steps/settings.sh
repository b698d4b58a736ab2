# Write your answer for step 5, settings, here.
#
# Describe the repository of $APP with $DESCRIPTION and README.md. Make the repository $APP-internal,
# private from its first moment, and push the $VERSION image to it. `. ./hub.sh` helps with the calls.
