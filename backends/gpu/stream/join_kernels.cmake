# One source file of preprocessed kernels. Usage: cmake -DDEVICE=header -DFOLDER=folder -DIDS=a,b -DOUT=file -P join_kernels.cmake
file(READ ${DEVICE} whole)
string(REPLACE "," ";" ids "${IDS}")
foreach(id ${ids})
  file(READ ${FOLDER}/${id}.txt text)
  string(APPEND whole "namespace kernel_${id} {\n${text}}\n")
endforeach()
file(WRITE ${OUT} "${whole}")
