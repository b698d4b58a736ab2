"""Whether an image of the engine and one of a registry are the same build, whatever the engine's numbers mean."""

from checker.inspect.engineview import LocalImage
from checker.inspect.probe import behaviour
from checker.inspect.registryimage import RegistryImage


def same_image(local: LocalImage | None, stored: RegistryImage, *digests: str | None) -> bool:
    """Return whether they are one build: equal files, equal settings, made at the same moment. A rebuild is another.

    digests: of the manifest or index in the registry, if known. An engine's image ID is the digest of the
    configuration, or, where it keeps images as containerd does, of the manifest or index; `docker save` and skopeo
    write another manifest of the same image.
    """
    if local is None:
        return False
    if local.id in {stored.config_digest, stored.digest, *digests}:
        return True
    return (
        local.layers == stored.diff_ids
        and local.created == stored.created
        and local.labels == stored.labels
        and behaviour(local.layers, local.config) == behaviour(stored.diff_ids, stored.config)
    )
