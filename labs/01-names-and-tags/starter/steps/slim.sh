# Write your answer for step 8, slim, here.
#
# Push $REPOSITORY:slim: the same app, unpacked less than a quarter of the size of registry-lab/cc:1,
# with no compiler, no source and no secret in any layer. app/.dockerignore keeps app/.env out.
