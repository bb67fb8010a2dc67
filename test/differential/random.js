const EDGES = [
    0, 1, 2, 3, 7, 8, 15, 16, 31, 32, 63, 64, 255, 256, 0xffff, 0x10000, 0x7fffffff, -0x80000000, -1, -2,
];
/** Makes a generator. */
export function createRandom(seed) {
    let state = seed | 0;
    const next = () => {
        state = (state + 0x6d2b79f5) | 0;
        let t = Math.imul(state ^ (state >>> 15), 1 | state);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return (t ^ (t >>> 14)) >>> 0;
    };
    const below = (n) => Math.floor((next() / 0x100000000) * n);
    const random = {
        seed,
        below,
        between: (low, high) => low + below(high - low + 1),
        chance: (percent) => below(100) < percent,
        pick: (from) => {
            const picked = from[below(from.length)];
            if (picked === undefined)
                throw new RangeError("nothing to pick from");
            return picked;
        },
        weighted: (from) => {
            let left = below(from.reduce((sum, [weight]) => sum + weight, 0));
            for (const [weight, what] of from) {
                left -= weight;
                if (left < 0)
                    return what;
            }
            throw new RangeError("nothing to pick from");
        },
        imm: () => {
            const kind = below(10);
            if (kind < 5)
                return below(64) - 8;
            if (kind < 8)
                return random.pick(EDGES);
            return next() | 0;
        },
    };
    return random;
}
//# sourceMappingURL=random.js.map