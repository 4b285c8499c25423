// Linked for what it replaces: malloc and free of the whole program.
#pragma once
#include <mimalloc.h>
