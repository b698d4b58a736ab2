"""What Docker Hub's HTTP API is sent and answers ("Docker Hub API reference"), as far as it exists here."""

from datetime import datetime
from typing import Annotated, Generic, Literal, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

T = TypeVar("T")

Scope = Literal["repo:admin", "repo:write", "repo:read", "repo:public_read"]
Label = Annotated[str, Meta(min_length=1, max_length=100)]
Description = Annotated[str, Meta(max_length=100)]
FullDescription = Annotated[str, Meta(max_length=25000)]
Name = Annotated[str, Meta(min_length=2, max_length=255, pattern=r"^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*\Z")]


class PageQuery(Struct, frozen=True):
    """Which part of a list. page_size: 100 at most, whatever is asked for."""

    page: Annotated[int, Meta(ge=1, le=100000)] = 1
    page_size: Annotated[int, Meta(ge=1, le=100000)] = 10


class Page(Struct, Generic[T], frozen=True):
    """A part of a list. count: of the whole list; next, previous: addresses of the neighbours."""

    count: int
    next: str | None
    previous: str | None
    results: list[T]


class Login(Struct, frozen=True):
    """POST /v2/users/login. password: or an access token."""

    username: str
    password: str

    def __repr__(self) -> str:
        return "Login()"


class LoggedIn(Struct, frozen=True):
    """A session."""

    token: str


class Identity(Struct, frozen=True):
    """POST /v2/auth/token. secret: the password or an access token."""

    identifier: str
    secret: str

    def __repr__(self) -> str:
        return "Identity()"


class Identified(Struct, frozen=True):
    """A session, under the other name."""

    access_token: str


class NewToken(Struct, frozen=True):
    """POST /v2/access-tokens."""

    token_label: Label
    scopes: Annotated[list[Scope], Meta(min_length=1, max_length=4)]
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


class ChangedToken(Struct, frozen=True):
    """PATCH /v2/access-tokens/{uuid}."""

    token_label: Label | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET


class AccessToken(Struct, frozen=True):
    """An access token. token: "" but in the answer that made it."""

    uuid: str
    client_id: str
    creator_ip: str
    creator_ua: str
    created_at: str
    last_used: str | None
    generated_by: str
    is_active: bool
    token: str
    token_label: str
    scopes: list[str]
    expires_at: str | None


class AccessTokens(Struct, frozen=True):
    """A part of the list of one's access tokens. active_count: how many of all are switched on."""

    count: int
    next: str | None
    previous: str | None
    active_count: int
    results: list[AccessToken]


class NewRepository(Struct, frozen=True):
    """POST /v2/namespaces/{namespace}/repositories. namespace: if given, the one in the path."""

    name: Name
    namespace: str = ""
    description: Description = ""
    full_description: FullDescription = ""
    is_private: bool = False


class NewRepositoryAnywhere(Struct, frozen=True):
    """POST /v2/repositories/, where only the body says whose it is."""

    name: Name
    namespace: str
    description: Description = ""
    full_description: FullDescription = ""
    is_private: bool = False


class ChangedRepository(Struct, frozen=True):
    """PATCH /v2/repositories/{namespace}/{repository}/."""

    description: Description | UnsetType = UNSET
    full_description: FullDescription | UnsetType = UNSET


class Privacy(Struct, frozen=True):
    """POST /v2/repositories/{namespace}/{repository}/privacy/."""

    is_private: bool


class Permissions(Struct, frozen=True):
    """What the one who asks may do."""

    read: bool
    write: bool
    admin: bool


class RepositoryInfo(Struct, frozen=True):
    """A repository as its settings page shows it."""

    user: str
    name: str
    namespace: str
    repository_type: str
    status: int
    status_description: str
    description: str
    full_description: str
    is_private: bool
    is_automated: bool
    star_count: int
    pull_count: int
    last_updated: str
    date_registered: str
    hub_user: str
    permissions: Permissions


class RepositoryEntry(Struct, frozen=True):
    """A repository in a list."""

    name: str
    namespace: str
    repository_type: str
    status: int
    status_description: str
    description: str
    is_private: bool
    star_count: int
    pull_count: int
    last_updated: str
    date_registered: str


class Image(Struct, frozen=True):
    """An image of one platform under a tag. size: bytes of its configuration and layers, as they are
    stored.
    """

    architecture: str
    variant: str | None
    os: str
    digest: str
    size: int
    status: str
    last_pushed: str | None


class Tag(Struct, frozen=True):
    """A tag. images: one for each platform; full_size: of the first."""

    id: int
    name: str
    images: list[Image]
    creator: int
    repository: int
    last_updated: str
    last_updater: int
    last_updater_username: str
    full_size: int
    v2: bool
    tag_status: str
    tag_last_pushed: str
    tag_last_pulled: str | None
    media_type: str
    content_type: str
    digest: str


class NewHook(Struct, frozen=True):
    """One address of a webhook."""

    name: Label
    hook_url: Annotated[str, Meta(min_length=1, max_length=2048)]


class NewPipeline(Struct, frozen=True):
    """POST …/webhook_pipeline/."""

    name: Label
    webhooks: Annotated[list[NewHook], Meta(min_length=1, max_length=10)]
    expect_final_callback: bool = False


class Pipeline(Struct, frozen=True):
    """A webhook. slug: what it is removed by."""

    slug: str
    name: str
    creator: str
    created: str
    expect_final_callback: bool
    webhooks: list[NewHook]


class Callback(Struct, frozen=True):
    """What a receiver tells about a delivery ("Webhooks", callback_url)."""

    state: Literal["success", "failure", "error"]
    description: Annotated[str, Meta(max_length=255)] = ""
    context: Annotated[str, Meta(max_length=100)] = ""
    target_url: Annotated[str, Meta(max_length=255)] = ""
