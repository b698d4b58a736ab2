# Write your answer for step 2, build, here.
#
# Write app/Dockerfile (here, with a here-document, or in an editor) and build the image $APP:dev
# from it. Its app answers on port 8080 with $GREETING and $VERSION; app/server.c says how they
# get in. The compiler is in registry-lab/cc:1.
