"""When: how long a job is left alone, how fast a session may go, and how long to wait after a failure.

Schedules, paces and backoffs are pure: time and chance are arguments. It must not know of jobs, calls or answers.
"""
