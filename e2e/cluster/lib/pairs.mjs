/** Which nodes are put together; E2E_PAIRS=kawat-reference narrows them. Two of Node's own are the proof of a suite. */
export const pairs = [['kawat', 'reference'], ['reference', 'kawat'], ['kawat', 'kawat'], ['reference', 'reference']]
  .filter((pair) => !process.env.E2E_PAIRS || process.env.E2E_PAIRS.split(',').includes(pair.join('-')));
