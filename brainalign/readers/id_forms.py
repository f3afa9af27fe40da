"""Ids of stimuli that were written as numbers, back in the names of their files."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from brainalign.errors import DataError

_IMAGENET = re.compile(r"(\d{7,8})(?:\.(\d{1,6})0*)?")


def imagenet_name(value: Any) -> str:
    """Return the name of a picture of ImageNet, or of its category, that was stored as a number.

    ``n01518878_14910`` is stored as 1518878.014910: the category before the point, the picture as six digits behind it.
    Zeros at both ends are lost.

    Raises
    ------
    DataError
        If the value has another form.

    Examples
    --------
    >>> imagenet_name(1518878.01491), imagenet_name("2690373")
    ('n01518878_14910', 'n02690373')
    """
    text = f"{value:.6f}" if isinstance(value, float) else str(value).strip()
    found = _IMAGENET.fullmatch(text)
    if found is None:
        msg = f"{value!r} is no number of an ImageNet picture; expected one such as 1518878.01491. Use another id_form."
        raise DataError(msg)
    category, picture = found.groups()
    number = int((picture or "0").ljust(6, "0"))
    return f"n{int(category):08d}" + (f"_{number}" if number else "")


def file_name(value: Any) -> str:
    r"""Return the last part of a path, whichever slashes it has, without its suffix.

    Examples
    --------
    >>> file_name("stimuli\\dog\\dog_12s.jpg")
    'dog_12s'
    """
    return re.sub(r"\.(jpe?g|png|bmp|tiff?|gif)$", "", re.split(r"[\\/]", str(value).strip())[-1], flags=re.IGNORECASE)


#: How ids in a file become ids of stimuli, by the name that a user declares.
FORMS: Mapping[str, Callable[[Any], str]] = {
    "text": lambda value: str(value).strip(),
    "imagenet": imagenet_name,
    "file_name": file_name,
}


def formed(values: Sequence[Any], form: str, name: str) -> tuple[str, ...]:
    """Return ids in a declared form, see :data:`FORMS`.

    Raises
    ------
    DataError
        If the form is unknown, or ids are decimal numbers and no form was declared for them.
    """
    if form not in FORMS:
        msg = f"{name}: id_form = {form!r}; expected one of {', '.join(FORMS)}."
        raise DataError(msg)
    if form == "text":
        decimal = [value for value in values if re.fullmatch(r"\s*-?\d+\.\d*[1-9]\d*\s*", str(value))]
        if decimal:
            hint = "id_form = 'imagenet'" if _IMAGENET.fullmatch(str(decimal[0]).strip()) else "a column of names"
            msg = f"{name}: id {decimal[0]!r} is a decimal number, which loses zeros; expected a name. Give {hint}."
            raise DataError(msg)
        values = [
            re.sub(r"\.0+$", "", str(value)) if re.fullmatch(r"\d+\.0+", str(value)) else value for value in values
        ]
    return tuple(FORMS[form](value) for value in values)
