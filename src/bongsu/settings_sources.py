"""Read `Settings`: defaults, then a TOML file, then `BONGSU_*`, then flags; the later one wins.

Every value is checked where it stands, so that an error names its source, and an unknown name is
refused with the nearest known one.
"""

import dataclasses
import difflib
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast, get_args, get_type_hints

from bongsu.errors import OperatorError
from bongsu.settings import Settings

ENVIRONMENT_PREFIX = "BONGSU_"
CONFIG_VARIABLE = "BONGSU_CONFIG"
NODE_VARIABLE = "BONGSU_NODE"  # what the supervisor hands to its processes
CONFIG_NAME = "bongsu.toml"
CONFIG_BYTES_MAX = 1024 * 1024

# Kubernetes tells every container so of a service called "bongsu".
_OF_KUBERNETES = re.compile(r"BONGSU_(SERVICE_(HOST|PORT)|PORT)(_|\Z)")
_TRUE = ("on", "true", "yes", "1")
_FALSE = ("off", "false", "no", "0")
_OTHER_VARIABLES = (CONFIG_VARIABLE, NODE_VARIABLE)


@dataclasses.dataclass(frozen=True)
class Option:
    """One field of `Settings`, as the sources see it."""

    name: str
    kind: type  # str, int, bool, Path or tuple
    default: Any
    meaning: str
    choices: tuple[str, ...]
    secret: bool

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return ENVIRONMENT_PREFIX + self.name.upper()


def _options() -> dict[str, Option]:
    hints = get_type_hints(Settings)
    return {
        field.name: Option(field.name, _kind(hints[field.name]), field.default, **field.metadata)
        for field in dataclasses.fields(Settings)
    }


def _kind(hint: Any) -> type:
    """`str` of `str | None`, `tuple` of `tuple[str, ...]`."""
    arguments = get_args(hint)
    return arguments[0] if type(None) in arguments else tuple if arguments else hint


OPTIONS = _options()


def load_settings(
    flags: Mapping[str, str], environment: Mapping[str, str], config: Path | None = None
) -> Settings:
    """The settings in force. `flags` maps names of fields to text; `config` is `--config`.

    Raises `OperatorError` with every complaint that can be made at once, one a line.
    """
    complaints: list[str] = []
    values: dict[str, Any] = {}
    path = _config_path(config, environment)
    for source, spell, given in (
        (path, _name, _from_file(path)),
        ("the environment", _variable, _from_environment(environment)),
        ("the flags", _name, flags),
    ):
        for spelling, value in given.items():
            try:
                option = _find(spelling, spell)
                values[option.name] = _checked(option, value)
            except OperatorError as error:
                complaints.append(f"{spelling} in {source}: {error}")
    if complaints:
        raise OperatorError("\n".join(complaints))
    return Settings(**values)


def _config_path(config: Path | None, environment: Mapping[str, str]) -> Path | None:
    """`--config` or BONGSU_CONFIG, which must exist, or ./bongsu.toml, which may."""
    if config is not None:
        return config
    if named := environment.get(CONFIG_VARIABLE):
        return Path(named)
    return Path(CONFIG_NAME) if Path(CONFIG_NAME).exists() else None


def _from_file(path: Path | None) -> Mapping[str, Any]:
    if path is None:
        return {}
    try:
        with path.open("rb") as file:
            return tomllib.loads(file.read(CONFIG_BYTES_MAX).decode("utf-8"))
    except OSError as error:
        raise OperatorError(f"{path}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OperatorError(f"{path}: no valid TOML ({error})") from None


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(ENVIRONMENT_PREFIX)
        and name not in _OTHER_VARIABLES
        and not _OF_KUBERNETES.match(name)
    }


def _name(option: Option) -> str:
    return option.name


def _variable(option: Option) -> str:
    return option.variable


def _find(spelling: str, spell: Callable[[Option], str]) -> Option:
    """The option that a source spells so; `OperatorError` with the nearest one if there is none."""
    spellings = {spell(option): option for option in OPTIONS.values()}
    if spelling in spellings:
        return spellings[spelling]
    nearest = difflib.get_close_matches(spelling, spellings, n=1, cutoff=0.5)
    hint = f"; did you mean {nearest[0]}?" if nearest else ""
    raise OperatorError(f"no such setting{hint}")


def _checked(option: Option, value: Any) -> Any:
    """`value` as the option's type, from text or from TOML's own types."""
    if option.kind is tuple:
        return _texts(value)
    if option.kind is bool:
        return _truth(value)
    if option.kind is int:
        return _number(value)
    if not isinstance(value, str):
        raise OperatorError(f"must be text in quotes, is {_shown(value)}")
    if "\x00" in value:
        raise OperatorError("holds a NUL")
    if option.choices and value not in option.choices:
        raise OperatorError(f"must be one of {', '.join(option.choices)}, is {value!r}")
    return Path(value).expanduser() if option.kind is Path else value


def _texts(value: Any) -> tuple[str, ...]:
    items: object = value.split(",") if isinstance(value, str) else value
    texts = cast("list[object]", items) if isinstance(items, list) else [None]
    if not all(isinstance(text, str) for text in texts):
        raise OperatorError("must be a list of texts (comma-separated outside of TOML)")
    return tuple(text for item in texts if (text := str(item).strip()))


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _TRUE + _FALSE:
        return value.lower() in _TRUE
    raise OperatorError(f"must be on or off, is {_shown(value)}")


def _number(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    raise OperatorError(f"must be a whole number, is {_shown(value)}")


def _shown(value: Any) -> str:
    return repr(value)[:60]
