module narthexsdk

go 1.24
