// One kilogram of payload needs nineteen of fuel.
const needed = vars.limits.mass_kg * 19;
assert(needed > 0, "nothing to lift");
save("fuel_kg", needed);
