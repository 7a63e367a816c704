# Unit and fuzz programs: the server-free part of the extension compiled as
# ordinary programs with the sanitizers on. Included by the Makefile.

program_flags = -std=gnu11 -g -O1 -Wall -Wextra -Wno-unused-parameter \
	$(if $(filter -Werror,$(PG_CFLAGS)),-Werror) -fno-strict-aliasing \
	-fexcess-precision=standard -fno-omit-frame-pointer \
	-fsanitize=address,undefined -fno-sanitize-recover=all -DFRONTEND
program_libs = -L$(pkglibdir) -L$(libdir) -lpgcommon -lpgport -lyaml -lm

pure_objects = $(addprefix build/,$(PURE_OBJS))
unit_programs = $(patsubst test/%.c,build/test/%,$(wildcard test/unit/*.c))
fuzz_programs = $(patsubst test/%.c,build/test/%,$(wildcard test/fuzz/*_fuzz.c))

.PHONY: unit-programs fuzz-programs
unit-programs: $(unit_programs)
fuzz-programs: $(fuzz_programs)
.SECONDARY: $(pure_objects) build/test/fuzz/driver.o

build/%.o: %.c $(headers)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(program_flags) -c -o $@ $<

build/test/unit/%: test/unit/%.c $(wildcard test/unit/*.h) $(pure_objects)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(program_flags) -o $@ $< $(pure_objects) $(program_libs)

build/test/fuzz/%: test/fuzz/%.c build/test/fuzz/driver.o $(pure_objects)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(program_flags) -o $@ $< build/test/fuzz/driver.o $(pure_objects) $(program_libs)
