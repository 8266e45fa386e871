"""What is measured, one module each: `prepared(task)` yields the work, which runs once, in a process of its own.

`bench.child` loads them by their names, so that each process imports what its own work needs and no more.
"""
