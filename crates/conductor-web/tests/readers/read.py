"""Tells, as JSON, what junitparser sees in a file of JUnit's XML by the dialect of Jenkins and Surefire."""

import json
import sys

from junitparser.xunit2 import JUnitXml


def counts(suite):
    return [suite.tests, suite.failures, suite.errors, suite.skipped]


def told(result):
    return {"kind": type(result).__name__, "type": result.type, "message": result.message, "text": result.text}


document = JUnitXml.fromfile(sys.argv[1])
(suite,) = document
cases = [
    {
        "class": case.classname,
        "name": case.name,
        "seconds": case.time,
        "passed": case.is_passed,
        "results": [told(result) for result in case.result],
    }
    for case in suite
]
written = counts(suite)
suite.update_statistics()
print(
    json.dumps(
        {
            "name": document.name,
            "seconds": document.time,
            "hostname": suite.hostname,
            "timestamp": suite.timestamp,
            "written": written,
            "counted": counts(suite),
            "properties": {property.name: property.value for property in suite.properties()},
            "cases": cases,
            "out": suite.system_out,
        }
    )
)
