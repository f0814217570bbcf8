"""Values as the plain data that JSON is made of, and back: one shape for the wire, the ledger, the command and others.

    line = json.dumps(to_dict(change))                   # {"event": "transition", "job_id": …, "state": {…}, …}
    change = from_dict(StatusChange, json.loads(line))
    event = from_dict(Event, json.loads(line))           # whichever of the events it is, by its "event"
    error = from_dict(MotionError, to_dict(error))       # of the same class, with the same data

It is for what travels: to a browser, through a queue, into a log. A request keeps its signed URLs, which are the
person's own data; an error never has any. What a newer version has written with more fields is read. It knows all
values, events and errors, and those of the ledger by their fields, and does no I/O.
"""

from motion_async.codec.reading import (
    ShapeError,
    from_dict,
    read_plain_request,
    read_plain_state,
    unread_fields,
)
from motion_async.codec.writing import (
    to_dict,
    write_plain_request,
    write_plain_state,
    write_time,
)

__all__ = [
    "ShapeError",
    "from_dict",
    "read_plain_request",
    "read_plain_state",
    "to_dict",
    "unread_fields",
    "write_plain_request",
    "write_plain_state",
    "write_time",
]
