// The one way in which this project includes libfuse: the low-level API as of 3.14, the version of Debian 12.
#pragma once

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>
