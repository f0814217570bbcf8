"""`motion_async.codec.kinds`: what plain data says of its own kind."""

from motion_async import errors
from motion_async.codec.kinds import ERRORS, error_kind


def test_every_error_is_known_by_its_name() -> None:
    """An error that is added can be read."""
    assert set(ERRORS) == set(errors.__all__)
    assert all(name == kind.__name__ for name, kind in ERRORS.items())


def test_a_class_of_the_same_name_is_not_taken_for_the_librarys() -> None:
    """It may take other parts."""

    class JobFailedError(errors.JobFailedError):
        pass

    assert error_kind(JobFailedError("a", None)) is errors.JobFailedError
