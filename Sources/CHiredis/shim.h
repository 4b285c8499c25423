// Debian's .pc file of hiredis has flags that SwiftPM refuses, so the library is named in the
// module map. Of its functions only those without variable arguments can be called from Swift.
#pragma once
#include <hiredis/hiredis.h>
