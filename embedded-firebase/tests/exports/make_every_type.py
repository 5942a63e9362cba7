"""Makes every_type.entity, one entity with every kind of value, by Google's own message classes.

It is a test oracle, so it must not use our code. Run it in a virtual environment of its own that has
appengine-python-standard==3.1.0, which cannot live beside the project's urllib3.
"""

from pathlib import Path
from typing import Any

from google.appengine.datastore.entity_bytes_pb2 import EntityProto, Property


def add(properties: Any, name: str, meaning: int | None = None, multiple: bool = False) -> Any:
    """Add a property with an empty value; return the value."""
    prop = properties.add(name=name, multiple=multiple)
    if meaning is not None:
        prop.meaning = meaning
    prop.value.SetInParent()
    return prop.value


def embedded(**integers: int) -> bytes:
    """Return the bytes of an entity without a key, as map values hold it."""
    entity = EntityProto()
    for name, value in integers.items():
        add(entity.raw_property, name).int64Value = value
    content: bytes = entity.SerializePartialToString()
    return content


def every_type() -> Any:
    """Return the entity of document cities/SF/places/__id7__ in project demo."""
    entity = EntityProto()
    entity.key.app = "dev~demo"
    entity.key.path.element.add(type="cities", name="SF")
    entity.key.path.element.add(type="places", id=7)
    entity.entity_group.element.add(type="cities", name="SF")
    add(entity.property, "emptyArray", Property.EMPTY_LIST)

    raw = entity.raw_property
    add(raw, "array", multiple=True)
    add(raw, "array", multiple=True).int64Value = 1
    add(raw, "array", Property.ENTITY_PROTO, multiple=True).stringValue = embedded(k=2)
    add(raw, "bool").booleanValue = False
    add(raw, "bytes", Property.BLOB).stringValue = b"\x00\xff"
    add(raw, "double").doubleValue = -0.5
    add(raw, "emptyMap", Property.ENTITY_PROTO).stringValue = embedded()
    add(raw, "emptyString").stringValue = b""
    point = add(raw, "geo", Property.GEORSS_POINT).pointvalue
    point.x, point.y = 37.5, -122.25
    add(raw, "int").int64Value = -1
    outer = EntityProto()
    add(outer.property, "none", Property.EMPTY_LIST)
    add(outer.raw_property, "inner", Property.ENTITY_PROTO).stringValue = embedded(deep=5)
    add(raw, "map", Property.ENTITY_PROTO).stringValue = outer.SerializePartialToString()
    add(raw, "null")
    here = add(raw, "ref").referencevalue
    here.app = "dev~demo"
    here.pathelement.add(type="cities", name="LA")
    elsewhere = add(raw, "refElsewhere").referencevalue
    elsewhere.app, elsewhere.database_id = "dev~other", "named"
    elsewhere.pathelement.add(type="c", id=8)
    add(raw, "string").stringValue = "å".encode()
    add(raw, "timestamp", Property.GD_WHEN).int64Value = -1
    return entity


if __name__ == "__main__":
    Path(__file__).with_name("every_type.entity").write_bytes(every_type().SerializeToString())
