"""Runs functions on other people's files in a child process that may die of them.

`Sandbox` (caller's side) starts one server per process, which imports the readers once and forks
for each call: a fork costs milliseconds, the imports seconds. Standard library only.
"""
