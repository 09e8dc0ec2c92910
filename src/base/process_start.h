// What a process may have inherited from whoever started it, and must not depend on.
#pragma once

namespace ciaos {

// The first thing that main() does. A process may be started without standard streams; the next files that it opens then get
// their numbers, and what is printed, or done to standard error, is done to a store. So the numbers 0 to 2 are taken first.
// A file that grows over a limit of the shell becomes an error of that write, and no signal that ends the process.
void prepare_process();

}  // namespace ciaos
