# Write your answer for step 6, sbom, here.
#
# Write the bill of materials of $APP:$VERSION to reports/sbom.json (CycloneDX or SPDX), and scan that file into
# reports/from-sbom.json.
