# The words people type. Owns: nothing but the words; CMakeLists.txt builds, ci/ holds the steps.
# BUILD names another build folder, CMAKE_FLAGS passes options to its first configuration.
BUILD       ?= build
CMAKE_FLAGS ?=
DESTDIR     ?=

.PHONY: all demo check fuzz fuzz-smoke fuzz-planted fuzzers mutants tidy docs bench gate gate-selftest install clean help
all: configured
	@cmake --build $(BUILD)

help:
	@echo "make            build everything into $(BUILD)/"
	@echo "make demo       install what is missing, build, write a story on every device and compare the bits"
	@echo "make check      install what is missing, build, run every test"
	@echo "make mutants    plant each known bug and print which test catches it"
	@echo "make fuzz T=gguf S=60   look for inputs that break a target (fuzz/targets.def) for S seconds"
	@echo "make fuzz-smoke         every target for 20 seconds"
	@echo "make fuzz-planted       plant bugs and wait until the fuzzers find them"
	@echo "make tidy       the rules of the house alone (include direction, banned calls, ...)"
	@echo "make docs       write the generated documents anew"
	@echo "make bench      speed on this machine beside its measured limits"
	@echo "make gate       is this build slower than the one at BASE=program-or-folder?"
	@echo "make gate-selftest  how often does the gate err? (a quarter of an hour)"
	@echo "make install    library, header, pkg-config file and the sterna command (DESTDIR is honoured)"
	@echo "make clean      remove $(BUILD)/"

.PHONY: configured
configured:
	@test -f $(BUILD)/build.ninja || cmake -S . -B $(BUILD) -G Ninja -DCMAKE_BUILD_TYPE=Release $(CMAKE_FLAGS)

demo:
	@ci/install-deps core
	@$(MAKE) --no-print-directory configured
	@cmake --build $(BUILD) --target sterna
	@ci/demo $(BUILD)

check:
	@ci/install-deps core check
	@$(MAKE) --no-print-directory configured
	@cmake $(BUILD) >$(BUILD)/configure.log 2>&1 || { cat $(BUILD)/configure.log; exit 1; } # backends whose tools are here now
	@cmake --build $(BUILD)
	@ci/check $(BUILD)

mutants: all
	@properties/mutants/run $(BUILD)
	@golden/defects/run $(BUILD)

# Fuzzers have a build of their own: clang, libFuzzer, AddressSanitizer, UndefinedBehaviorSanitizer.
T ?= gguf
S ?= 60
FUZZ_BUILD ?= build/fuzz
fuzzers:
	@ci/install-deps core ci
	@test -f $(FUZZ_BUILD)/build.ninja || cmake --preset fuzz -B $(FUZZ_BUILD)
	@cmake --build $(FUZZ_BUILD) --target fuzzers

fuzz: fuzzers
	@fuzz/run $(FUZZ_BUILD) $(T) $(S)

fuzz-smoke: fuzzers
	@fuzz/run $(FUZZ_BUILD) all 20

fuzz-planted: fuzzers
	@fuzz/plant $(FUZZ_BUILD) 60

tidy: configured
	@cmake --build $(BUILD) --target tidy
	@$(BUILD)/ci/tidy .

docs: configured
	@cmake --build $(BUILD) --target gendocs
	@$(BUILD)/ci/gendocs .

bench: all
	@$(BUILD)/bin/sterna bench -m golden/models/golden.gguf

gate: all
	@test -n "$(BASE)" || { echo "make gate BASE=PROGRAM-OR-FOLDER: what to compare with" >&2; exit 2; }
	@$(BUILD)/bin/sterna gate $(BASE) $(BUILD)/bin/sterna -m golden/models/golden.gguf -p 64 -n 32

gate-selftest: configured
	@cmake --build $(BUILD) --target gate_selftest
	@$(BUILD)/bin/gate_selftest 20 60 golden/models/golden.gguf

install: all
	@cmake --install $(BUILD)

clean:
	rm -rf $(BUILD)
