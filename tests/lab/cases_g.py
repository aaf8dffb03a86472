"""3.G: what is kept between deliveries. One server for several domains, each with a policy of its own;
test_state.py delivers to them. Their DNS lasts, so that no TTL ends a kept connection."""
from case import DANE, Case, Host

LASTING, LOOSE = "lasting.example", "loose.example"

# {domain: its policy}. LOOSE is not signed.
MAY_DOMAIN, DANE_DOMAIN, ONLY_DOMAIN = (f"{label}.{LASTING}" for label in ("may", "dane", "only"))
HALF_DOMAIN = f"half.{LOOSE}"
BY_MX = (MAY_DOMAIN, DANE_DOMAIN, ONLY_DOMAIN, HALF_DOMAIN)
# The same by way of one next hop of the configuration's.
HOP_MAY, HOP_DANE, HOP_ONLY = (f"hop-{label}.{LASTING}" for label in ("may", "dane", "only"))
BY_HOP = (HOP_MAY, HOP_DANE, HOP_ONLY)
POLICIES = {MAY_DOMAIN: "may", ONLY_DOMAIN: "dane-only", HOP_MAY: "may", HOP_ONLY: "dane-only"}

SHARED = Case("shared", "one server for several domains", DANE, [Host("mx", tlsa=("311",))],
              zone=LASTING, mx=(), records=tuple(f"{label} MX 10 mx.{{d}}" for label in ("may", "dane", "only")),
              more={LOOSE: (f"half MX 10 mx.{{d}}.{LASTING}.",)})
