"""The ground floor: the noun `Divergence`, units, errors and what every other room leans on."""
