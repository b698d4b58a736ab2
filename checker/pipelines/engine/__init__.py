"""The engine as a pipeline sees it: a proxy that lets it touch only what is its own."""
