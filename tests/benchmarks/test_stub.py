"""The stub that the arms are measured against."""

from __future__ import annotations

import aiohttp
import pytest

from benchmarks.stub import stub_server


async def test_it_answers_by_the_path_in_the_words_of_each_service() -> None:
    """What is asked for stands in the answer; a path that it does not know is a 404."""
    with stub_server() as base_url:
        async with aiohttp.ClientSession() as session:
            for path, key in {
                "sessions/j1": "job_id",
                "requests/j1/status?logs=false": "request_id",
                "v1/predictions/j1": "id",
                "v1/tasks/j1": "id",
                "generations/j1": "id",
                "videos/j1": "id",
            }.items():
                async with session.get(f"{base_url}/{path}") as response:
                    assert (await response.json())[key] == "j1"
            async with session.get(f"{base_url}/other") as response:
                assert response.status == 404


@pytest.mark.parametrize("size", [1, 100_000], ids=["a short body", "a body in pieces"])
async def test_a_job_that_it_created_has_ended(size: int) -> None:
    """A create is read to its end, and its connection can be used again."""
    with stub_server() as base_url:
        async with aiohttp.ClientSession() as session:
            for _ in range(2):
                async with session.post(f"{base_url}/sessions", json={"prompt": "a" * size}) as response:
                    assert response.status == 202
                    job_id = (await response.json())["job_id"]
                async with session.get(f"{base_url}/sessions/{job_id}") as response:
                    assert (await response.json())["status"] == "completed"
