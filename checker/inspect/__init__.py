"""Reading the world: registries, engines, references, and what images and services answer."""
