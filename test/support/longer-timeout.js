// Five processes start within some seconds on two cores; jest's five seconds are for tests without I/O.
jest.setTimeout(60_000);
