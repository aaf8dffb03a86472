"""The delivery cases: for each a destination's DNS and servers, and what must come of it.

Ids are those of the conformance catalogue that the project's tests follow, with a letter behind for a
variant: A next hop and MX, B addresses, aliases and TLSA lookup, C usability, D DANE-EE, E DANE-TA,
F dialogue, P fine points, X ours. G (state) is in test_state.py, K (validator) in test_resolver.py.
"""
import cases_a
import cases_b
import cases_c
import cases_d
import cases_e
import cases_f
import cases_g
import cases_x
import dnslab
from case import GOOD, UNSIGNED

_TABLES = (cases_a, cases_b, cases_c, cases_d, cases_e, cases_f, cases_x)
CASES = [case for table in _TABLES for case in table.CASES]
ZONES = {GOOD: dnslab.SIGNED, UNSIGNED: dnslab.UNSIGNED, cases_g.LASTING: dnslab.LASTING,
         cases_g.LOOSE: dnslab.LASTING_UNSIGNED, **cases_a.ZONES, **cases_b.ZONES}
