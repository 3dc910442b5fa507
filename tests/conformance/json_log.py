"""Lines of a log of 4.4 and later: which of them a recording keeps."""

import json

# By number, beside warnings, errors and logins: what every connection leaves there isn't worth keeping.
TELLING = {4913010, 4913011, 4913012, 4913400, 4988500, 23435, 23436, 21352, 21353, 21392, 21393, 21394, 21358, 21450, 21579, 21331,
           23377, 23381, 4794602, 4784900, 4695101, 4695102, 4695103, 20562, 20565, 23138, 21347, 4615655, 4615657, 4508702, 4634504}
NOISE = {23234, 22943, 22944, 51800, 20436, 51803, 5286306, 4910400, 20248, 20478, 5286202, 20430}


def telling(line):
    """Whether a line tells of what was done, and not of the machine or of our asking."""
    if not line.startswith("{"):
        return False
    said = json.loads(line)
    if said["id"] in NOISE or '"principalName":"root"' in line or "startupWarnings" in said.get("tags", ()):
        return False
    return said["id"] in TELLING or said["s"] in "WEF" or said["c"] == "ACCESS"


def of_members(line):
    """Whether it tells of who is believed, and not of the moment."""
    said = json.loads(line)
    return said["c"] in ("ACCESS", "REPL_HB") and telling(line)
