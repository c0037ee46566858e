//! Connections: accepting, time limits, draining. Knows no routes.
