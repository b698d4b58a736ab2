"""Looking at what learners make: files, certificates, servers, tokens. Facts only, no findings."""
