# find_package(YitongPlugin 1.1): functions to build and test a codec plugin.
get_filename_component(YITONG_PREFIX "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
set(YITONG_COMMAND ${YITONG_PREFIX}/bin/yitong)

# yitong_add_plugin(name source...): name.so, as the loader wants it.
function(yitong_add_plugin name)
  add_library(${name} MODULE ${ARGN})
  target_include_directories(${name} PRIVATE ${YITONG_PREFIX}/include)
  target_compile_definitions(${name} PRIVATE _GNU_SOURCE)
  set_target_properties(${name} PROPERTIES PREFIX "" C_VISIBILITY_PRESET hidden)
  # The loader refuses a plugin that others may write to, whatever the builder's umask is.
  add_custom_command(TARGET ${name} POST_BUILD COMMAND chmod go-w $<TARGET_FILE:${name}> VERBATIM)
endfunction()

# yitong_add_tables(out.c name fields.tsv): C of a table of fields (yitong/table.h), to be named among the sources.
function(yitong_add_tables out name tsv)
  add_custom_command(OUTPUT ${out} DEPENDS ${tsv} VERBATIM
    COMMAND awk -v name=${name} -f ${YITONG_PREFIX}/share/yitong/table_gen.awk ${CMAKE_CURRENT_SOURCE_DIR}/${tsv} > ${out})
endfunction()

# yitong_add_test(name source...): a unit test with the codec's sources and the host library (yitong/host.h).
function(yitong_add_test name)
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(YITONG_HOST_NEEDS REQUIRED IMPORTED_TARGET openssl libgcrypt libxml-2.0)
  add_executable(${name} ${ARGN})
  target_include_directories(${name} PRIVATE ${YITONG_PREFIX}/include)
  target_compile_definitions(${name} PRIVATE _GNU_SOURCE)
  target_link_libraries(${name} PRIVATE ${YITONG_PREFIX}/lib/libyitong-host.a PkgConfig::YITONG_HOST_NEEDS ${CMAKE_DL_LIBS})
  add_test(NAME ${name} COMMAND ${name})
endfunction()
