"""Reading archives as strangers make them: safely, and as what they mean."""
