# Write your answer for step 7, secrets, here.
#
# Build the folder leaky as $APP-leaky:$VERSION and scan it for secrets into reports/secrets.json. Then write
# leaky/clean.Dockerfile, build it as $APP-clean:$VERSION with the same page, and push that to $REGISTRY.
